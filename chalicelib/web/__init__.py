"""The edge: requests and answers, their description, problem documents."""
