"""The helpdesk: grievances and appeals, each with a number and a deadline."""
