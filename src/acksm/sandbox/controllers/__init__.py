"""Controllers that really run in the sandbox: what a kubelet would do for the pods of ACK's charts.

kwok plays the kubelet for every other pod. For a controller's pod the sandbox starts a program: a binary that `up` was
given, the binary of the image that the pod names, or the stand-in (`standin/`), and shows in the pod's status how it
fares.
"""
