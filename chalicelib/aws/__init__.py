"""AWS as the domains see it: clients, DynamoDB, queues, cursors, runs of jobs, acts of administrators, failures."""
