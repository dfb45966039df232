"""What is known of each kind: its calls, its key, its states. Most follows from the kind's name.

The guide's sections and the sandbox's stand-in read the same table; it was checked against the real controllers
(docs/testing.md).

Sources: the two controllers' generator configuration and hooks at v1.9.1 and v1.4.1. docs/ack/kinds.md
is generated from this table.
"""

from __future__ import annotations

from dataclasses import replace

from acksm.ack.kind import Kind as Kind

_TERMINAL = ("InvalidParameterCombination", "InvalidParameterValue", "MissingParameter")
_FOUND_TERMINAL = ("ResourceNotFound", *_TERMINAL)
_JOB_TERMINAL = ("ResourceNotFound", "ResourceInUse", *_TERMINAL)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _job(name: str, busy: tuple[str, ...] = ("InProgress", "Stopping")) -> Kind:
    return Kind(
        name, (f"{_lower(name)}Name",), f"{name}Status", busy, stops=True, terminal=_JOB_TERMINAL, waits_gone=False
    )


def _definition(name: str) -> Kind:
    return Kind(
        name,
        ("jobDefinitionName",),
        terminal=_JOB_TERMINAL,
        summary=(("jobDefinitionName", "MonitoringJobDefinitionName"), ("arn", "MonitoringJobDefinitionArn")),
        arn_member="JobDefinitionArn",
    )


_SAGEMAKER = (
    Kind(
        "App",
        ("appName", "appType", "domainID", "spaceName", "userProfileName"),
        "Status",
        ("Pending", "Deleting"),
        optional=("spaceName", "userProfileName"),
        terminal=_FOUND_TERMINAL,
        waits_gone=True,
        paths=("{domainID}/{userProfileName}/{appType}/{appName}", "{domainID}/{spaceName}/{appType}/{appName}"),
        gone="Deleted",
    ),
    _definition("DataQualityJobDefinition"),
    Kind(
        "Domain",
        ("domainID",),
        "Status",
        ("Pending", "Updating", "Deleting"),
        updates=True,
        terminal=("ValidationException", *_FOUND_TERMINAL),
        waits_gone=True,
    ),
    Kind(
        "Endpoint",
        ("endpointName",),
        "EndpointStatus",
        ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"),
        "Failed",
        updates=True,
        waits_gone=True,
    ),
    Kind("EndpointConfig", ("endpointConfigName",)),
    Kind(
        "FeatureGroup",
        ("featureGroupName",),
        "FeatureGroupStatus",
        ("Creating", "Deleting"),
        "CreateFailed",
        terminal=_JOB_TERMINAL,
        waits_gone=True,
    ),
    _job("HyperParameterTuningJob"),
    Kind(
        "InferenceComponent",
        ("inferenceComponentName",),
        "InferenceComponentStatus",
        ("Creating", "Updating", "Deleting"),
        "Failed",
        updates=True,
        waits_gone=True,
    ),
    _job("LabelingJob", ("Initializing", "InProgress", "Stopping")),
    Kind("Model", ("modelName",), late_differs=True),
    _definition("ModelBiasJobDefinition"),
    _definition("ModelExplainabilityJobDefinition"),
    Kind(
        "ModelPackage",
        ("modelPackageName",),
        "ModelPackageStatus",
        ("Pending", "InProgress", "Deleting"),
        updates=True,
        by_arn="ModelPackageName",
        waits_gone=True,
        list_with=(("ModelPackageType", "Both"),),
    ),
    Kind(
        "ModelPackageGroup",
        ("modelPackageGroupName",),
        "ModelPackageGroupStatus",
        ("Pending", "InProgress", "Deleting"),
        waits_gone=True,
    ),
    _definition("ModelQualityJobDefinition"),
    Kind("MonitoringSchedule", ("monitoringScheduleName",), "MonitoringScheduleStatus", ("Pending",), updates=True),
    Kind(
        "NotebookInstance",
        ("notebookInstanceName",),
        "NotebookInstanceStatus",
        ("Pending", "Updating", "Deleting", "Stopping"),
        updates=True,
        waits_gone=True,
        stops_first="StopNotebookInstance",
    ),
    Kind("NotebookInstanceLifecycleConfig", ("notebookInstanceLifecycleConfigName",), updates=True),
    Kind("Pipeline", ("pipelineName",), updates=True, terminal=_FOUND_TERMINAL),
    Kind(
        "PipelineExecution",
        ("pipelineExecutionARN",),
        "PipelineExecutionStatus",
        ("Executing", "Stopping"),
        stops=True,
        by_arn="PipelineExecutionArn",
        create="StartPipelineExecution",
        terminal=_FOUND_TERMINAL,
        parent="Pipeline",
        arn_type="pipeline",
        paths=("{pipelineName}/execution/{executionID}",),
    ),
    _job("ProcessingJob"),
    Kind(
        "Project",
        ("projectName",),
        "ProjectStatus",
        ("Pending", "CreateInProgress", "DeleteInProgress", "UpdateInProgress"),
        updates=True,
        waits_gone=True,
        gone="DeleteCompleted",
    ),
    Kind(
        "Space",
        ("domainID", "spaceName"),
        "Status",
        ("Pending", "Updating", "Deleting"),
        updates=True,
        waits_gone=True,
        stands_for="spaceName",
        paths=("{domainID}/{spaceName}",),
    ),
    _job("TrainingJob"),
    _job("TransformJob"),
    Kind(
        "UserProfile",
        ("domainID", "userProfileName"),
        "Status",
        ("Pending", "Updating", "Deleting"),
        updates=True,
        terminal=_FOUND_TERMINAL,
        waits_gone=True,
        stands_for="userProfileName",
        paths=("{domainID}/{userProfileName}",),
    ),
)
_AUTOSCALING = (
    Kind(
        "ScalableTarget",
        ("resourceID", "serviceNamespace", "scalableDimension"),
        updates=True,
        create="RegisterScalableTarget",
        update="RegisterScalableTarget",
        delete="DeregisterScalableTarget",
        describe="DescribeScalableTargets",
        lists="ScalableTargets",
        optional=("scalableDimension",),
        list_with=(("ServiceNamespace", "sagemaker"),),
        given=(("serviceNamespace", "sagemaker"),),
        arn_type="scalable-target",
        arn_member="ScalableTargetARN",
    ),
    Kind(
        "ScalingPolicy",
        ("resourceID", "serviceNamespace", "scalableDimension", "policyName"),
        updates=True,
        create="PutScalingPolicy",
        update="PutScalingPolicy",
        delete="DeleteScalingPolicy",
        describe="DescribeScalingPolicies",
        lists="ScalingPolicies",
        optional=("scalableDimension", "policyName"),
        list_with=(("ServiceNamespace", "sagemaker"),),
        given=(("serviceNamespace", "sagemaker"),),
        arn_type="scalingPolicy",
        arn_member="PolicyARN",
        paths=("{resourceID}/{policyName}",),
    ),
)
_TIMES = "CreationTime LastModifiedTime"
_SHOWN = {
    "Domain": "DomainId Url",
    "Endpoint": f"FailureReason ProductionVariants PendingDeploymentSummary {_TIMES}",
    "FeatureGroup": "FailureReason",
    "HyperParameterTuningJob": "FailureReason BestTrainingJob OverallBestTrainingJob",
    "InferenceComponent": f"FailureReason EndpointName VariantName {_TIMES}",
    "LabelingJob": "FailureReason LabelCounters LabelingJobOutput JobReferenceCode",
    "ModelPackage": f"ModelPackageStatusDetails {_TIMES}",
    "MonitoringSchedule": f"FailureReason LastMonitoringExecutionSummary {_TIMES}",
    "NotebookInstance": "FailureReason Url",
    "NotebookInstanceLifecycleConfig": _TIMES,
    "Pipeline": f"PipelineStatus {_TIMES}",
    "PipelineExecution": f"FailureReason {_TIMES}",
    "ProcessingJob": "FailureReason",
    "Project": "CreationTime ServiceCatalogProvisionedProductDetails TemplateProviderDetails ProjectId",
    "Space": "FailureReason HomeEfsFileSystemUid CreationTime Url",
    "TrainingJob": "SecondaryStatus DebugRuleEvaluationStatuses ProfilerRuleEvaluationStatuses ModelArtifacts "
    f"FailureReason WarmPoolStatus ProfilingStatus {_TIMES}",
    "TransformJob": "FailureReason",
    "ScalableTarget": _TIMES,
    "ScalingPolicy": f"Alarms {_TIMES}",
}
_LATE = {
    "App": "resourceSpec",
    "Domain": "appNetworkAccessType defaultUserSettings.defaultLandingURI defaultUserSettings.studioWebPortal",
    "EndpointConfig": "enableNetworkIsolation",
    "FeatureGroup": "offlineStoreConfig.disableGlueTableCreation "
    "offlineStoreConfig.s3StorageConfig.resolvedOutputS3URI",
    "HyperParameterTuningJob": "trainingJobDefinition.enableInterContainerTrafficEncryption "
    "trainingJobDefinition.enableManagedSpotTraining trainingJobDefinition.enableNetworkIsolation",
    "Model": "enableNetworkIsolation",
    "ModelPackage": "certifyForMarketplace",
    "NotebookInstance": "platformIdentifier volumeSizeInGB",
    "TrainingJob": "enableInterContainerTrafficEncryption enableManagedSpotTraining enableNetworkIsolation "
    "algorithmSpecification.enableSageMakerMetricsTimeSeries outputDataConfig.kmsKeyID "
    "outputDataConfig.compressionType",
    "TransformJob": "transformInput.splitType transformInput.compressionType",
    "ScalableTarget": "roleARN",
}
_REQUEUE = {
    "Endpoint": 30.0,
    "InferenceComponent": 30.0,
    "MonitoringSchedule": 30.0,
    "NotebookInstance": 60.0,
    "PipelineExecution": 60.0,
    "TrainingJob": 300.0,
}
# Which AWS resources depend on each other: an endpoint with an autoscaling target, a domain with users or a group with
# packages cannot be deleted (API references of DeleteDomain, DeleteModelPackageGroup, …; docs/ack/deletion.md#in-aws).
_USES = {
    "MonitoringSchedule": "DataQualityJobDefinition ModelBiasJobDefinition ModelExplainabilityJobDefinition "
    "ModelQualityJobDefinition Endpoint",
    "DataQualityJobDefinition": "Endpoint",
    "ModelBiasJobDefinition": "Endpoint",
    "ModelExplainabilityJobDefinition": "Endpoint",
    "ModelQualityJobDefinition": "Endpoint",
    "ScalingPolicy": "ScalableTarget",
    "ScalableTarget": "InferenceComponent Endpoint",
    "InferenceComponent": "Endpoint Model",
    "Endpoint": "EndpointConfig",
    "EndpointConfig": "Model",
    "TransformJob": "Model",
    "Model": "ModelPackage",
    "ModelPackage": "ModelPackageGroup",
    "PipelineExecution": "Pipeline",
    "App": "Space UserProfile Domain",
    "Space": "UserProfile Domain",
    "UserProfile": "Domain",
    "NotebookInstance": "NotebookInstanceLifecycleConfig",
}


def _whole(kind: Kind, service: str) -> Kind:
    return replace(
        kind,
        uses=tuple(_USES.get(kind.name, "").split()),
        service=service,
        shown=tuple(_SHOWN.get(kind.name, "").split()),
        late=tuple(_LATE.get(kind.name, "").split()),
        requeue=_REQUEUE.get(kind.name, 0.0),
    )


KINDS = {
    "sagemaker": {kind.name: _whole(kind, "sagemaker") for kind in _SAGEMAKER},
    "applicationautoscaling": {kind.name: _whole(kind, "applicationautoscaling") for kind in _AUTOSCALING},
}
# The services' names in the SDK
API = {"sagemaker": "sagemaker", "applicationautoscaling": "application-autoscaling"}
SDK_NAME = {"sagemaker": "SageMaker", "applicationautoscaling": "Application Auto Scaling"}
# The sagemaker chart that introduced a kind; every chart has the others
SINCE = {
    "NotebookInstance": "0.0.4",
    "NotebookInstanceLifecycleConfig": "0.0.4",
    "App": "0.3.0",
    "Domain": "0.3.0",
    "UserProfile": "0.3.0",
    "Pipeline": "0.5.0",
    "PipelineExecution": "0.5.0",
    "InferenceComponent": "1.2.9",
    "LabelingJob": "1.3.0",
    "Space": "1.5.0",
    "Project": "1.7.0",
}
# The services in ARNs of their kinds; an application autoscaling policy is of "autoscaling"
ARN_SERVICES = {"sagemaker": ("sagemaker",), "applicationautoscaling": ("application-autoscaling", "autoscaling")}

_ABSENT_CODES = {"ResourceNotFound", "ResourceNotFoundException", "ObjectNotFoundException"}
# How AWS's messages begin or end that mean "does not exist" in a ValidationException
_ABSENT_TEXTS = (
    "Could not find",
    "Requested resource not found",
    "RecordNotFound",
    "Unable to describe Notebook Instance Lifecycle Config",
)
_ABSENT_ENDINGS = ("does not exist", "does not exist.")


def is_absent(code: str, message: str) -> bool:
    """Whether the error of a describe call says that what was to be read does not exist."""
    if code in _ABSENT_CODES:
        return True
    return code == "ValidationException" and (
        message.startswith(_ABSENT_TEXTS) or message.rstrip().endswith(_ABSENT_ENDINGS)
    )


def deletion_rank(name: str) -> int:
    """0 for a kind that nothing else has to be deleted before; greater than that of every kind that uses it."""
    return _RANKS.get(name, 0)


def _ranks() -> dict[str, int]:
    """The longest chain of users above each kind."""
    all_kinds = [kind for of_service in KINDS.values() for kind in of_service.values()]
    found = dict.fromkeys((kind.name for kind in all_kinds), 0)
    for _ in all_kinds:
        for kind in all_kinds:
            for used in kind.uses:
                found[used] = max(found[used], found[kind.name] + 1)
    return found


_RANKS = _ranks()
