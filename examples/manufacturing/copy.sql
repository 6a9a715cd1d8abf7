-- Load what is new. Run it as often as you like: a file is loaded once.
COPY INTO manufacturing_bronze.equipment_logs
FROM 'demo-data/logs/json'
FILEFORMAT = JSON
FORMAT_OPTIONS ('mergeSchema' = 'true')
COPY_OPTIONS ('mergeSchema' = 'true');
