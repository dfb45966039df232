"""A spec of each kind that the practice cloud has, as a user would write it."""

from __future__ import annotations

ROLE = "arn:aws:iam::012345678901:role/execution"
S3_INPUT = {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://bucket/in"}}
CLUSTER = {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 1}
MONITORING = {
    "jobResources": {"clusterConfig": CLUSTER},
    "roleARN": ROLE,
}
KINDS: dict[str, dict[str, object]] = {
    "Domain": {
        "domainName": "d",
        "authMode": "IAM",
        "defaultUserSettings": {"executionRole": ROLE},
        "subnetIDs": ["subnet-1"],
        "vpcID": "vpc-1",
    },
    "FeatureGroup": {
        "featureGroupName": "f",
        "recordIdentifierFeatureName": "id",
        "eventTimeFeatureName": "at",
        "featureDefinitions": [
            {"featureName": "id", "featureType": "Integral"},
            {"featureName": "at", "featureType": "String"},
        ],
        "offlineStoreConfig": {"s3StorageConfig": {"s3URI": "s3://bucket/features"}},
        "roleARN": ROLE,
    },
    "HyperParameterTuningJob": {
        "hyperParameterTuningJobName": "h",
        "hyperParameterTuningJobConfig": {
            "strategy": "Bayesian",
            "resourceLimits": {"maxNumberOfTrainingJobs": 2, "maxParallelTrainingJobs": 1},
            "hyperParameterTuningJobObjective": {"type_": "Minimize", "metricName": "loss"},
        },
        "trainingJobDefinition": {
            "staticHyperParameters": {"a": "1"},
            "algorithmSpecification": {"trainingImage": "practice:1", "trainingInputMode": "File"},
            "inputDataConfig": [{"channelName": "train", "dataSource": S3_INPUT}],
            "outputDataConfig": {"s3OutputPath": "s3://bucket/out"},
            "resourceConfig": CLUSTER,
            "roleARN": ROLE,
            "stoppingCondition": {"maxRuntimeInSeconds": 60},
        },
    },
    "ModelPackageGroup": {"modelPackageGroupName": "g", "modelPackageGroupDescription": "practice"},
    "ModelPackage": {
        "modelPackageName": "p",
        "modelPackageDescription": "practice",
        "inferenceSpecification": {
            "containers": [{"image": "practice:1"}],
            "supportedContentTypes": ["text/csv"],
            "supportedResponseMIMETypes": ["text/csv"],
        },
    },
    "NotebookInstance": {"notebookInstanceName": "n", "instanceType": "ml.t2.medium", "roleARN": ROLE},
    "NotebookInstanceLifecycleConfig": {
        "notebookInstanceLifecycleConfigName": "l",
        "onStart": [{"content": "ZWNobyBoaQ=="}],
    },
    "Pipeline": {
        "pipelineName": "pipe",
        "pipelineDisplayName": "pipe",
        "pipelineDefinition": '{"Version": "2020-12-01", "Steps": []}',
        "roleARN": ROLE,
    },
    "ProcessingJob": {
        "processingJobName": "pr",
        "appSpecification": {"imageURI": "practice:1"},
        "processingResources": {"clusterConfig": CLUSTER},
        "roleARN": ROLE,
        "stoppingCondition": {"maxRuntimeInSeconds": 60},
    },
    "TrainingJob": {
        "trainingJobName": "t",
        "algorithmSpecification": {"trainingImage": "practice:1", "trainingInputMode": "File"},
        "inputDataConfig": [{"channelName": "train", "dataSource": S3_INPUT}],
        "outputDataConfig": {"s3OutputPath": "s3://bucket/out"},
        "resourceConfig": CLUSTER,
        "roleARN": ROLE,
        "stoppingCondition": {"maxRuntimeInSeconds": 60},
    },
    "TransformJob": {
        "transformJobName": "tr",
        "modelName": "kinds-m",
        "transformInput": {"dataSource": S3_INPUT, "contentType": "text/csv"},
        "transformOutput": {"s3OutputPath": "s3://bucket/out"},
        "transformResources": {"instanceCount": 1, "instanceType": "ml.m5.large"},
    },
    "DataQualityJobDefinition": {
        "jobDefinitionName": "dq",
        "dataQualityAppSpecification": {"imageURI": "practice:1"},
        "dataQualityJobInput": {"endpointInput": {"endpointName": "kinds", "localPath": "/opt/in"}},
        "dataQualityJobOutputConfig": {
            "monitoringOutputs": [{"s3Output": {"localPath": "/opt/out", "s3URI": "s3://bucket/out"}}]
        },
        **MONITORING,
    },
    "ScalableTarget": {
        "serviceNamespace": "sagemaker",
        "resourceID": "endpoint/kinds/variant/v",
        "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "minCapacity": 1,
        "maxCapacity": 3,
    },
    "ScalingPolicy": {
        "policyName": "s",
        "policyType": "TargetTrackingScaling",
        "serviceNamespace": "sagemaker",
        "resourceID": "endpoint/kinds/variant/v",
        "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 60,
            "predefinedMetricSpecification": {"predefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    },
}
