"""report.html: figures from the report's data, as plain values that a template lays out."""
