"""How codes reach people: the consumer of the queue, its channels, and what SMS may cost."""
