"""Controllers that really run in the sandbox: what a kubelet would do for the pods of ACK's charts.

kwok is the kubelet for every other pod. For a controller's pod the sandbox starts a program: a binary named to `up`,
the binary of the image that the pod names, or the stand-in (`standin/`), and writes its state to the pod's status.
"""
