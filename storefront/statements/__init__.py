"""A party's statement as files that people open: CSV and XLSX, the same bytes every time for the same closed month."""
