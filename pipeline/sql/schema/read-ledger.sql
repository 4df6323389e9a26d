-- Applied migrations; one may be there twice when a start was cut short and repeated.
SELECT Number AS number, any(Name) AS name, any(Checksum) AS checksum
FROM flotilla_schema_migrations
GROUP BY Number
ORDER BY Number
