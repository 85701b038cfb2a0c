"""The draw as a public protocol: pure functions that anybody can repeat. No AWS, no clock, no environment."""
