"""acksm: install, operate and remove the ACK controllers for SageMaker on EKS."""

__version__ = "0.1.0"
