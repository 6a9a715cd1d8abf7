-- Load the files that freshet generate has put into demo-data.
CREATE SCHEMA IF NOT EXISTS manufacturing_bronze;

-- Sensor readings, CSV. The schema is inferred from all files together, so the
-- columns of the later half are there too; hints fix what the readings must
-- be, and what does not fit goes to _rescued_data.
CREATE OR REPLACE TABLE manufacturing_bronze.sensor_data AS
SELECT *, _metadata.file_name AS source_file
FROM read_files(
  'demo-data/sensors/csv',
  format => 'csv',
  header => true,
  schemaHints => 'timestamp TIMESTAMP, temperature DOUBLE, battery INT'
);

-- Quality metrics, Parquet, one folder a line of production.
CREATE OR REPLACE TABLE manufacturing_bronze.quality_metrics
PARTITIONED BY (line)
AS SELECT * FROM read_files('demo-data/quality/parquet', format => 'parquet');

-- Equipment logs, nested JSON. The table gets its columns from the files.
CREATE TABLE IF NOT EXISTS manufacturing_bronze.equipment_logs;
