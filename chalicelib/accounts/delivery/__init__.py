"""Delivery of codes: the consumer of the queue, its channels, and the limits on the cost of SMS."""
