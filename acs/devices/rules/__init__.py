"""Rules: small declarative triggers that enqueue jobs and tag devices.

A rule is looked at once in a session and acts once at most; what it does is never looked at by
another rule in the same session.  There are no scripts, so there is nothing that runs for long.

`rule` holds the values, `file` and `folder` read them, `decide` says what speaks against a rule,
`act` follows them in a visit.
"""
