"""The quality of translations: metrics, significance and the report."""
