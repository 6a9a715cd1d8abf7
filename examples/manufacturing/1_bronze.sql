-- Bronze: what the plant sends, as it comes. Files keep arriving, late ones
-- too, and gain columns over time; each is loaded once, and what does not fit
-- its column is kept in _rescued_data.
CREATE SCHEMA IF NOT EXISTS manufacturing_bronze;
USE SCHEMA manufacturing_bronze;

-- Sensor readings, CSV. Hints fix what the readings must be.
CREATE OR REFRESH STREAMING TABLE readings
COMMENT 'sensor readings as they came'
AS SELECT *, _metadata.file_name AS source_file
FROM STREAM read_files(
  'demo-data/sensors/csv',
  format => 'csv',
  header => true,
  schemaHints => 'timestamp TIMESTAMP, temperature DOUBLE, vibration DOUBLE, battery INT'
);

-- Logs of the machines, nested JSON.
CREATE OR REFRESH STREAMING TABLE events
COMMENT 'logs of machines as they came'
AS SELECT *, _metadata.file_name AS source_file
FROM STREAM read_files('demo-data/logs/json', format => 'json', schemaHints => 'timestamp TIMESTAMP, code STRING');

-- Quality inspections, Parquet.
CREATE OR REFRESH STREAMING TABLE inspections
COMMENT 'inspections as they came'
AS SELECT *, _metadata.file_name AS source_file
FROM STREAM read_files('demo-data/quality/parquet', format => 'parquet');
