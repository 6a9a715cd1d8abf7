-- Silver: what can be true. Expectations drop what cannot, count what is
-- doubtful, and take one of rows that came twice.
CREATE SCHEMA IF NOT EXISTS manufacturing_silver;
USE SCHEMA manufacturing_silver;

CREATE OR REFRESH STREAMING TABLE measured (
  CONSTRAINT known_sensor EXPECT (sensor_id IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT valid_time EXPECT (timestamp BETWEEN '2025-12-01' AND '2026-12-31') ON VIOLATION DROP ROW,
  CONSTRAINT possible_temperature EXPECT (temperature BETWEEN -40 AND 150) ON VIOLATION DROP ROW,
  CONSTRAINT nothing_rescued EXPECT (_rescued_data IS NULL)
)
AS SELECT sensor_id, line, timestamp, temperature, vibration, battery, _rescued_data, source_file
FROM STREAM manufacturing_bronze.readings;

CREATE OR REFRESH MATERIALIZED VIEW readings (
  CONSTRAINT no_duplicate EXPECT (copy = 1) ON VIOLATION DROP ROW
)
AS SELECT sensor_id, line, timestamp, temperature, vibration, battery,
  row_number() OVER (PARTITION BY sensor_id, timestamp ORDER BY source_file) AS copy
FROM measured;

CREATE OR REFRESH STREAMING TABLE events (
  CONSTRAINT known_event EXPECT (event_id IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT valid_time EXPECT (timestamp IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT known_level EXPECT (level IN ('INFO', 'WARN', 'ERROR'))
)
AS SELECT event_id, timestamp, equipment.id AS machine, equipment.line AS line, level, message
FROM STREAM manufacturing_bronze.events;

CREATE OR REFRESH STREAMING TABLE inspections (
  CONSTRAINT known_product EXPECT (product IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT sane_limits EXPECT (lower <= upper)
)
AS SELECT inspection_id, timestamp, product, line, measured, lower, upper, passed, defects
FROM STREAM manufacturing_bronze.inspections;
