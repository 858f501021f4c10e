"""Cloud: a model becomes an endpoint of Amazon SageMaker, is called, replaced and taken away again.

Everything is said with boto3, the client that the service's own model generates, and nothing here
knows where the service is: credentials and addresses come from the environment, as with any AWS
tool. With ``AWS_ENDPOINT_URL`` and ``AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`` set, the same calls go to
an emulation (:mod:`nncourse.practice.gateway`); without them to the real service, which costs money
for as long as the endpoint exists, called or not.

An artifact's name holds the hash of its content, so that a version never changes its meaning; the
name of a model or configuration holds a hash of what it says, so that none stands for another.
"""

import hashlib
import io
import re
import tarfile

import numpy as np

from .._checks import as_floats
from .bodies import LITERALS

__all__ = ["delete", "deploy", "invoke", "left", "pack", "upload"]

MARKS = "-[^-]+-[0-9a-f]{6}"  # after an endpoint's name: a version, and what else is said


def pack(onnx):
    """Put a model into the archive that SageMaker unpacks to ``/opt/ml/model``.

    Parameters
    ----------
    onnx : bytes
        From :func:`~nncourse.practice.export.to_onnx`.

    Returns
    -------
    bytes
        A ``model.tar.gz`` with one file, ``model.onnx``.

    Raises
    ------
    TypeError
        If it is a model, or a file's name.

    Examples
    --------
    >>> tarfile.open(fileobj=io.BytesIO(pack(b"..."))).getnames()
    ['model.onnx']
    """
    if not isinstance(onnx, bytes):
        raise TypeError(
            "a model is packed as the bytes that nn.export.to_onnx(model, shape) returns, got "
            f"{type(onnx).__name__}. A file? Path(file).read_bytes()."
        )
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(onnx)
        archive.addfile(member, io.BytesIO(onnx))
    return file.getvalue()


def upload(bucket, endpoint, onnx):
    """Put an artifact into S3; return its version and its address.

    The version is the beginning of the content's SHA-256: the same model has the same version.
    See :func:`deploy` for an example.
    """
    packed, version = pack(onnx), hashlib.sha256(onnx).hexdigest()[:12]
    key = f"{endpoint}/{version}/model.tar.gz"
    _client("s3").put_object(Bucket=bucket, Key=key, Body=packed)
    return version, f"s3://{bucket}/{key}"


def deploy(endpoint, version, data, *, image, role, instance="ml.m5.large", count=1):
    """Make a version serve at an endpoint, and wait until it does.

    If the endpoint exists, it is updated: the service starts machines with the new version (or of
    the new kind, or with the new image), moves the traffic, and then stops the old ones.

    Parameters
    ----------
    endpoint : str
        Its name.
    version, data : str
        What :func:`upload` returned.
    image : str
        The container's address in a registry.
    role : str
        ARN of the role that the service takes on: it may read the artifact and the image.
    instance : str
        Kind of machine. **It is paid for until** :func:`delete`.
    count : int
        How many of them.

    Returns
    -------
    str
        "created" or "updated".

    Raises
    ------
    ValueError
        If ``data`` is no address in S3.
    RuntimeError
        If the endpoint then serves another version, as after an update that failed.
    botocore.exceptions.WaiterError
        If a new endpoint fails: ``error.last_response["FailureReason"]``. Delete it.

    Examples
    --------
    >>> import boto3
    >>> import nncourse as nn
    >>> onnx = nn.export.to_onnx(nn.Dense(2, 1, initializer=nn.initializers.zeros), (2,))
    >>> place = {"image": "server:1", "role": "arn:aws:iam::123456789012:role/serving"}
    >>> with nn.gateway.LocalCloud():
    ...     _ = boto3.client("s3").create_bucket(Bucket="mine")
    ...     version, data = upload("mine", "digits", onnx)
    ...     print(deploy("digits", version, data, **place))
    ...     print(invoke("digits", np.ones((1, 2), np.float32))[0])
    ...     print(len(left("digits", "mine")), len(delete("digits", "mine")))
    created
    [[0.]]
    4 4
    """
    if not str(data).startswith("s3://"):
        raise ValueError(
            f"data is the address that upload returned, s3://bucket/key, got {data!r:.60}"
        )
    sagemaker = _client("sagemaker")
    model = _named(endpoint, version, image, data, role)
    if model not in _names("model", endpoint):
        sagemaker.create_model(
            ModelName=model,
            PrimaryContainer={"Image": image, "ModelDataUrl": data},
            ExecutionRoleArn=role,
        )
    name = _named(endpoint, version, model, instance, count)
    if name not in _names("endpoint_config", endpoint):
        variant = {
            "VariantName": f"v-{version}",
            "ModelName": model,
            "InstanceType": instance,
            "InitialInstanceCount": count,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    exists = endpoint in _names("endpoint", endpoint)
    call = sagemaker.update_endpoint if exists else sagemaker.create_endpoint
    call(EndpointName=endpoint, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)
    now = sagemaker.describe_endpoint(EndpointName=endpoint)
    serves, why = now["EndpointConfigName"], now.get("FailureReason", "no reason given")
    if serves != name:  # an update that fails is rolled back, and somebody else may deploy, too
        raise RuntimeError(f"{endpoint} serves {serves}, not {name}: {why}")
    return "updated" if exists else "created"


def invoke(endpoint, x):
    """Send examples to an endpoint; return its predictions and the variant that made them.

    Raises
    ------
    TypeError
        If ``x`` is not of numbers.
    botocore.exceptions.ClientError
        ``ModelError`` if the model refused them: what it said is in ``error.response``.

    Examples
    --------
    See :func:`deploy`.
    """
    as_floats(x)  # explains what is no array of numbers; whole ones are sent as they are
    file = io.BytesIO()
    np.save(file, x, allow_pickle=False)
    answer = _client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/x-npy",
        Accept="application/x-npy",
        Body=file.getvalue(),
    )
    file = io.BytesIO(answer["Body"].read())
    with LITERALS:
        y = np.load(file, allow_pickle=False)
    return y, answer["InvokedProductionVariant"]


def delete(endpoint, bucket):
    """Delete an endpoint and all that was made for it; return the names, in this order.

    The endpoint comes first: it is what costs. What is not there any more is no error.
    See :func:`deploy` for an example.
    """
    sagemaker, gone = _client("sagemaker"), []
    for kind in ("endpoint", "endpoint_config", "model"):
        for name in _names(kind, endpoint):
            getattr(sagemaker, f"delete_{kind}")(**{f"{_camel(kind)}Name": name})
            gone.append(f"{kind} {name}")
        if kind == "endpoint" and gone:
            sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint)
    for key in _objects(endpoint, bucket):
        _client("s3").delete_object(Bucket=bucket, Key=key)
        gone.append(f"object {key}")
    return gone


def left(endpoint, bucket):
    """Return what still exists of an endpoint: nothing, if it was deleted.

    See :func:`deploy` for an example.
    """
    kinds = ("endpoint", "endpoint_config", "model")
    found = [f"{kind} {name}" for kind in kinds for name in _names(kind, endpoint)]
    return found + [f"object {key}" for key in _objects(endpoint, bucket)]


def _client(service):
    import boto3

    return boto3.client(service)


def _camel(kind):
    return kind.title().replace("_", "")


def _names(kind, endpoint):
    """Return the names of the endpoint itself, or of its configurations or models."""
    pages = _client("sagemaker").get_paginator(f"list_{kind}s").paginate(NameContains=endpoint)
    names = [each[f"{_camel(kind)}Name"] for page in pages for each in page[f"{_camel(kind)}s"]]
    if kind == "endpoint":
        return [name for name in names if name == endpoint]
    ours = re.compile(re.escape(endpoint) + MARKS)
    return [name for name in names if ours.fullmatch(name)]


def _named(endpoint, version, *said):
    """Name what is made for a version, so that another image or machine has another name."""
    return f"{endpoint}-{version}-{hashlib.sha256(repr(said).encode()).hexdigest()[:6]}"


def _objects(endpoint, bucket):
    pages = _client("s3").get_paginator("list_objects_v2")
    pages = pages.paginate(Bucket=bucket, Prefix=f"{endpoint}/")
    return [each["Key"] for page in pages for each in page.get("Contents", ())]
