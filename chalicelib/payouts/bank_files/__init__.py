"""Payment orders as bank files, and the reports that banks answer with."""
