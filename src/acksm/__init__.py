"""acksm: an Amazon EKS cluster from bare to SageMaker jobs through the ACK controllers, and back."""

__version__ = "0.1.0"
