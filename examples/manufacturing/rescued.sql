-- Rows whose data did not fit the schema are there, with what did not fit.
SELECT count(*) AS rescued_rows
FROM manufacturing_bronze.sensor_data
WHERE _rescued_data IS NOT NULL;

SELECT sensor_id, temperature, battery, _rescued_data
FROM manufacturing_bronze.sensor_data
WHERE _rescued_data IS NOT NULL
LIMIT 3;
