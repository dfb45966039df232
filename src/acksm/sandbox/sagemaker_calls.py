"""SageMaker's calls that moto does not have, on moto's own objects; and states that practice puts objects into.

moto's jobs are finished as soon as they are created. With `set_status`, a test or a user can have one that still runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from acksm.json_types import Document, Json, Untyped
from acksm.sandbox.pages import RefusalError, seconds

if TYPE_CHECKING:
    from moto.sagemaker.models import SageMakerModelBackend

Params = Document


# kind -> where moto's backend keeps them, the attribute with the name, and the one with the state
_KEPT = {
    "Endpoint": ("endpoints", "endpoint_name", "endpoint_status"),
    "FeatureGroup": ("feature_groups", "feature_group_name", "feature_group_status"),
    "HyperParameterTuningJob": (
        "hyper_parameter_tuning_jobs",
        "hyper_parameter_tuning_job_name",
        "hyper_parameter_tuning_job_status",
    ),
    "ModelPackage": ("model_packages", "arn", "model_package_status"),
    "ModelPackageGroup": ("model_package_groups", "model_package_group_name", "model_package_group_status"),
    "NotebookInstance": ("notebook_instances", "notebook_instance_name", "status"),
    "ProcessingJob": ("processing_jobs", "processing_job_name", "processing_job_status"),
    "TrainingJob": ("training_jobs", "training_job_name", "training_job_status"),
    "TransformJob": ("transform_jobs", "transform_job_name", "transform_job_status"),
}


def find(backend: SageMakerModelBackend, kind: str, name: str) -> tuple[Json, str, Untyped]:
    """The dict that has it, its key in that dict, and the object itself."""
    kept, attribute, _ = _KEPT[kind]
    objects: Json = getattr(backend, kept)
    for key, item in objects.items():
        if name in {getattr(item, attribute), item.arn, getattr(item, "model_package_name", "")}:
            return objects, key, item
    if kind in {"FeatureGroup", "HyperParameterTuningJob"}:
        raise RefusalError("ResourceNotFound", f"Resource Not Found: {kind} {name} does not exist")
    raise RefusalError("ValidationException", f"Could not find {kind} {name}")


def set_status(backend: SageMakerModelBackend, kind: str, name: str, status: str) -> None:
    """Put an object into a state, such as InProgress.

    KeyError for a kind that has none here; RefusalError for an object that does not exist.
    """
    _, _, item = find(backend, kind, name)
    setattr(item, _KEPT[kind][2], status)


def _delete(kind: str, parameter: str) -> Callable[[SageMakerModelBackend, Params], Json]:
    def call(backend: SageMakerModelBackend, params: Params) -> Json:
        objects, key, _ = find(backend, kind, str(params[parameter]))
        del objects[key]
        return {}

    return call


def _stop(kind: str, parameter: str) -> Callable[[SageMakerModelBackend, Params], Json]:
    def call(backend: SageMakerModelBackend, params: Params) -> Json:
        _, _, item = find(backend, kind, str(params[parameter]))
        attribute = _KEPT[kind][2]
        state = getattr(item, attribute)
        if state != "InProgress":
            raise RefusalError("ValidationException", f"The request was rejected because the job is in status {state}.")
        setattr(item, attribute, "Stopped")
        return {}

    return call


def _update_endpoint(backend: SageMakerModelBackend, params: Params) -> Json:
    _, _, endpoint = find(backend, "Endpoint", str(params["EndpointName"]))
    name = str(params["EndpointConfigName"])
    config = backend.endpoint_configs.get(name)
    if config is None:
        raise RefusalError("ValidationException", f'Could not find endpoint configuration "{name}".')
    endpoint.endpoint_config_name = name
    endpoint.production_variants = endpoint._process_production_variants(config.production_variants)
    return {"EndpointArn": endpoint.arn}


def _update_notebook(backend: SageMakerModelBackend, params: Params) -> Json:
    _, _, notebook = find(backend, "NotebookInstance", str(params["NotebookInstanceName"]))
    if notebook.status not in {"Stopped", "Failed"}:
        raise RefusalError("ValidationException", "Notebook instance must be Stopped before it can be updated.")
    for parameter, attribute in (
        ("InstanceType", "instance_type"),
        ("RoleArn", "role_arn"),
        ("VolumeSizeInGB", "volume_size_in_gb"),
        ("LifecycleConfigName", "lifecycle_config_name"),
        ("RootAccess", "root_access"),
    ):
        if parameter in params:
            setattr(notebook, attribute, params[parameter])
    return {}


def _update_lifecycle_config(backend: SageMakerModelBackend, params: Params) -> Json:
    name = str(params["NotebookInstanceLifecycleConfigName"])
    config = backend.notebook_instance_lifecycle_configurations.get(name)
    if config is None:
        raise RefusalError("ValidationException", f"Unable to describe Notebook Instance Lifecycle Config {name}")
    config.on_create = params.get("OnCreate", config.on_create)
    config.on_start = params.get("OnStart", config.on_start)
    return {}


def _update_domain(backend: SageMakerModelBackend, params: Params) -> Json:
    domain = backend.domains.get(str(params["DomainId"]))
    if domain is None:
        raise RefusalError("ResourceNotFound", f"Domain [{params['DomainId']}] does not exist.")
    domain.default_user_settings = params.get("DefaultUserSettings", domain.default_user_settings)
    return {"DomainArn": domain.arn}


def _list(
    member: str, backend_name: str, members: Mapping[str, str]
) -> Callable[[SageMakerModelBackend, Params], Json]:
    """All of a kind at once; `members` of each in the answer, with the attributes of moto's object. The state is
    "Created" where none was set."""

    def call(backend: SageMakerModelBackend, _params: Params) -> Json:
        kept = getattr(backend, backend_name).values()
        found = [{name: getattr(item, own, "Created") for name, own in members.items()} for item in kept]
        for item in found:
            item |= {name: seconds(value) for name, value in item.items() if name.endswith("Time")}
        return {member: found}

    return call


CALLS: dict[str, Callable[[SageMakerModelBackend, Params], Json]] = {
    "DeleteFeatureGroup": _delete("FeatureGroup", "FeatureGroupName"),
    "DeleteModelPackage": _delete("ModelPackage", "ModelPackageName"),
    "DeleteModelPackageGroup": _delete("ModelPackageGroup", "ModelPackageGroupName"),
    "ListFeatureGroups": _list(
        "FeatureGroupSummaries",
        "feature_groups",
        {
            "FeatureGroupName": "feature_group_name",
            "FeatureGroupArn": "arn",
            "CreationTime": "creation_time",
            "FeatureGroupStatus": "feature_group_status",
        },
    ),
    "ListNotebookInstanceLifecycleConfigs": _list(
        "NotebookInstanceLifecycleConfigs",
        "notebook_instance_lifecycle_configurations",
        {
            "NotebookInstanceLifecycleConfigName": "notebook_instance_lifecycle_config_name",
            "NotebookInstanceLifecycleConfigArn": "arn",
            "CreationTime": "creation_time",
            "LastModifiedTime": "last_modified_time",
        },
    ),
    "StopHyperParameterTuningJob": _stop("HyperParameterTuningJob", "HyperParameterTuningJobName"),
    "StopProcessingJob": _stop("ProcessingJob", "ProcessingJobName"),
    "StopTrainingJob": _stop("TrainingJob", "TrainingJobName"),
    "StopTransformJob": _stop("TransformJob", "TransformJobName"),
    "UpdateDomain": _update_domain,
    "UpdateEndpoint": _update_endpoint,
    "UpdateNotebookInstance": _update_notebook,
    "UpdateNotebookInstanceLifecycleConfig": _update_lifecycle_config,
}
