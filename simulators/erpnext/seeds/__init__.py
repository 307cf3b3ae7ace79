"""Data files: the doctypes, the demo customers, the names of generated ones."""
