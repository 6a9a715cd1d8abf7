-- The hottest lines of the plant.
SELECT line, count(*) AS readings, round(avg(temperature), 2) AS avg_temperature, max(vibration) AS max_vibration
FROM manufacturing_bronze.sensor_data
WHERE line IS NOT NULL
GROUP BY line
ORDER BY avg_temperature DESC
LIMIT 3;

-- What the machines complained about most.
SELECT equipment.line AS line, level, message, count(*) AS events
FROM manufacturing_bronze.equipment_logs
WHERE level IN ('WARN', 'ERROR')
GROUP BY ALL
ORDER BY events DESC, line, level, message
LIMIT 5;

-- First-pass yield by product.
SELECT product, round(100.0 * count_if(passed) / count(*), 1) AS yield_percent, sum(defects) AS defects
FROM manufacturing_bronze.quality_metrics
GROUP BY product
ORDER BY yield_percent
LIMIT 5;
