"""Everything outside our own processes: one folder for each need."""
