"""The stand-in: a controller of our own that does in the practice cloud what ACK's would do there.

Facts about the real ones (order of sources, conditions, messages, what a version knows) are in docs/ack/ and in
their repositories, read at their tags; the program is ours. It says in its first log line that it is a stand-in.
"""
