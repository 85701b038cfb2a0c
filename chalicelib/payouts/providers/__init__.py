"""Payment service providers: the port, and the adapter for Xendit. The one for banks is in `bank_files`."""
