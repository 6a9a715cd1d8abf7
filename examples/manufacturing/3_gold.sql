-- Gold: what people ask for.
CREATE SCHEMA IF NOT EXISTS manufacturing_gold;
USE SCHEMA manufacturing_gold;

CREATE OR REFRESH MATERIALIZED VIEW lines
COMMENT 'how hot and how shaky each line is'
AS SELECT line, count(*) AS readings, round(avg(temperature), 2) AS avg_temperature, max(vibration) AS max_vibration
FROM manufacturing_silver.readings
WHERE line IS NOT NULL
GROUP BY line;

CREATE OR REFRESH MATERIALIZED VIEW complaints
COMMENT 'what machines complain about; kept up to date from new events alone'
AS SELECT line, level, message, count(*) AS events, max(timestamp) AS last_seen
FROM manufacturing_silver.events
WHERE level IN ('WARN', 'ERROR')
GROUP BY line, level, message;

CREATE OR REFRESH MATERIALIZED VIEW yield
COMMENT 'first-pass yield by product'
AS SELECT product, round(100.0 * count_if(passed) / count(*), 1) AS yield_percent, sum(defects) AS defects
FROM manufacturing_silver.inspections
GROUP BY product;
