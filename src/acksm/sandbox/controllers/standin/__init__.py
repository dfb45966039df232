"""The stand-in: acksm's own controller, which does in the practice cloud what ACK's would do.

Facts about the real ones (order of sources, conditions, messages, what a version knows) are from docs/ack/ and
their repositories, read at their tags; the program is acksm's own. It says in its first log line that it is a stand-in.
"""
