"""Setting up an ERPNext site for this server: what it needs, what it lacks, and mending that."""
