#!/usr/bin/env bash
# The baseline: guide §2 and §3 as a reader types them, with the tools of today. Both controllers, cluster scope.
#
# From the caller: KUBECONFIG, AWS credentials and region, CLUSTER_NAME, REGISTRY (HOST:PORT/PATH) and the two chart
# versions. On PATH: aws, kubectl, helm, yq (Go). eksctl's part is done by aws, which is quicker: that favours the guide.
set -euo pipefail
: "${KUBECONFIG:?}" "${AWS_DEFAULT_REGION:?}" "${CLUSTER_NAME:?}" "${REGISTRY:?}"
: "${SAGEMAKER_VERSION:?}" "${APPLICATIONAUTOSCALING_VERSION:?}"
export AWS_DEFAULT_REGION

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
namespace=ack-system
role=ack-controller-role-$CLUSTER_NAME

issuer() { aws eks describe-cluster --name "$CLUSTER_NAME" --query cluster.identity.oidc.issuer --output text; }

# 2.1: the cluster has compute
kubectl get nodes

# 2.1.1: OIDC provider, account, issuer
aws iam create-open-id-connect-provider --url "$(issuer)" --client-id-list sts.amazonaws.com
AWS_ACCOUNT_ID=$(aws sts get-caller-identity --query Account --output text)
oidc=$(issuer | cut -c9-)

# 2.1.2: the role, its policy, its ARN
accounts=()
for service in sagemaker applicationautoscaling; do
  accounts+=("\"system:serviceaccount:$namespace:ack-$service-controller\"")
done
cat > "$scratch/trust.json" <<JSON
{"Version": "2012-10-17", "Statement": [{
  "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::$AWS_ACCOUNT_ID:oidc-provider/$oidc"},
  "Condition": {"StringEquals": {"$oidc:aud": "sts.amazonaws.com", "$oidc:sub": [$(IFS=,; echo "${accounts[*]}")]}}}]}
JSON
aws iam create-role --role-name "$role" --assume-role-policy-document "file://$scratch/trust.json"
aws iam attach-role-policy --role-name "$role" --policy-arn arn:aws:iam::aws:policy/AmazonSageMakerFullAccess
IAM_ROLE_ARN=$(aws iam get-role --role-name "$role" --query Role.Arn --output text)
export AWS_ACCOUNT_ID IAM_ROLE_ARN

# 3.1 and 3.2: chart, values, CRDs, release
install() { # SERVICE VERSION
  local chart=$scratch/$1-chart
  local values=$chart/values.yaml
  helm pull "oci://$REGISTRY/$1-chart" --version "$2" --plain-http --untar --untardir "$scratch"
  yq e '.aws.region = env(AWS_DEFAULT_REGION)' -i "$values"
  # newer charts have no account_id; strenv, because env makes a number of it and loses a leading zero
  if [ "$(yq e '.aws | has("account_id")' "$values")" = true ]; then
    yq e '.aws.account_id = strenv(AWS_ACCOUNT_ID)' -i "$values"
  fi
  yq e '.serviceAccount.annotations."eks.amazonaws.com/role-arn" = env(IAM_ROLE_ARN)' -i "$values"
  kubectl apply -f "$chart/crds"
  helm install -n "$namespace" --create-namespace --skip-crds "ack-$1-controller" "$chart"
}
install sagemaker "$SAGEMAKER_VERSION"
install applicationautoscaling "$APPLICATIONAUTOSCALING_VERSION"

# 3.1.3: verify; the reader waits until the pods run
kubectl get crds
kubectl wait -n "$namespace" --for=condition=Available deployment --all --timeout=120s
kubectl get pods -n "$namespace"
