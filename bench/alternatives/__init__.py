"""The join written with other libraries. Each module has a `handler` that Lambda would call.

Each is set up as its library's documentation recommends: the client or the models are made at import, the body is JSON,
and nothing is loaded that a join does not need. All share the application's calendar, rules and leaf (`rules.py`). So
they differ only in the web edge, the client and the calls.
"""
