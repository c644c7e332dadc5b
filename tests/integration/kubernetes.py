"""A real Kubernetes API server on the loopback interface: etcd and kube-apiserver, without a node or a controller.

It checks, stores and serves resources like a cluster's, and runs nothing: what a controller would write into a
resource's status, a test writes itself (`KubernetesApi.patch_status`).
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import run
from types import TracebackType
from typing import Any, Self

from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port
from tests.integration.parts import CUSTOM_RESOURCES, binary

_READY_SECONDS = 60
_POLL_SECONDS = 0.1

# A P-256 private key in DER (RFC 5915) without its public half, which a reader computes: what stands around the scalar.
_KEY_BEFORE, _KEY_AFTER = bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a8648ce3d030107")


class KubectlFailed(Exception):
    """kubectl refused: the API server does not know the resource, or a field of it, or is not there."""


def _signing_key() -> str:
    # The top byte is zero so that the scalar is below the order of the curve.
    der = _KEY_BEFORE + b"\0" + secrets.token_bytes(31) + _KEY_AFTER
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END EC PRIVATE KEY-----\n"


class KubernetesApi:
    """etcd and kube-apiserver as a context manager.

    Args:
        directory: an empty folder for their data, keys and logs.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.port = free_port()
        self._etcd_port = free_port()
        self._etcd = Process("etcd", self._etcd_command(), log=directory / "etcd.log")
        self._api = Process("kube-apiserver", self._api_command(), log=directory / "kube-apiserver.log")

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a client use this API server, and leave the home folder alone."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.directory / "cache")}

    def kubectl(self, *arguments: str, given: str | None = None, timeout_seconds: float = 60) -> str:
        """Runs kubectl and returns its standard output.

        Args:
            arguments: its command line.
            given: its standard input.
            timeout_seconds: how long it may take.

        Raises:
            KubectlFailed: if it ends with an error; the message is its standard error.
        """
        done = run(
            [binary("kubectl"), *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=timeout_seconds,
            check=False,
        )
        if done.returncode:
            raise KubectlFailed(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, path: Path, *, server_side: bool = True, strict: bool = True, namespace: str | None = None) -> str:
        """Applies a file, the files of a folder, or a folder with a kustomization."""
        kustomized = (path / "kustomization.yaml").is_file()
        return self.kubectl(
            "apply",
            "-k" if kustomized else "-f",
            str(path),
            f"--server-side={str(server_side).lower()}",
            f"--validate={'strict' if strict else 'ignore'}",
            *([f"--namespace={namespace}"] if namespace else []),
        )

    def declare(self, resource: Mapping[str, Any]) -> None:
        """Applies one resource, as `apply` does a file."""
        self.kubectl("apply", "-f", "-", "--server-side", "--validate=strict", given=json.dumps(resource))

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """Returns a resource as the API server has it."""
        resource: dict[str, Any] = json.loads(self.kubectl("get", kind, name, f"--namespace={namespace}", "-o", "json"))
        return resource

    def patch_status(self, kind: str, name: str, namespace: str, status: Mapping[str, Any]) -> None:
        """Merges into a resource's status, as its controller would."""
        patch = json.dumps({"status": status})
        options = (f"--namespace={namespace}", "--subresource=status", "--type=merge", f"--patch={patch}")
        self.kubectl("patch", kind, name, *options)

    def create_namespace(self, name: str) -> None:
        """Makes a namespace, if it is not there."""
        self.declare({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def install_kserve(self) -> None:
        """Makes KServe's resources known."""
        self._install("kserve")

    def install_knative(self) -> None:
        """Makes Knative Eventing's resources known, with the namespace and the configuration its programs read."""
        self._install("knative")
        self.create_namespace("knative-eventing")
        self.apply(CUSTOM_RESOURCES / "knative-config")

    def __enter__(self) -> Self:
        try:
            return self._start()
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> Self:
        self._write_keys()
        self._etcd.start().wait_for_port(self._etcd_port, timeout_seconds=_READY_SECONDS)
        self._api.start().wait_for_port(self.port, timeout_seconds=_READY_SECONDS)
        self._kubectl_until_success("get", "--raw=/readyz")
        return self

    def _stop(self) -> None:
        self._api.kill()  # its data goes with the folder, and an orderly end waits for every watch to close
        self._etcd.kill()

    def _install(self, name: str) -> None:
        self.apply(CUSTOM_RESOURCES / name)
        # Again and again, because kubectl cannot wait for a condition while there are no conditions at all.
        self._kubectl_until_success("wait", "--for=condition=Established", "--all", "customresourcedefinitions")

    def _kubectl_until_success(self, *arguments: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self.kubectl(*arguments)
                return
            except KubectlFailed as error:
                if not self._api.running or time.monotonic() > deadline:
                    raise ProcessFailed(f"kube-apiserver never was ready: {error}; see {self._api.log}") from None
                time.sleep(_POLL_SECONDS)

    def _write_keys(self) -> None:
        token = secrets.token_hex(16)
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "tokens.csv").write_text(f"{token},test,test,system:masters\n")
        (self.directory / "sa.key").write_text(_signing_key())
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": str(self.directory / "certificates" / "apiserver.crt"),
        }
        # kubeconfig is YAML, and so JSON will do.
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))

    def _etcd_command(self) -> list[str | Path]:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{free_port()}"
        return [
            binary("etcd"),
            "--name=test",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=test={peer}",
            "--unsafe-no-fsync",  # nothing here outlives a power failure anyway
            "--log-level=warn",
        ]

    def _api_command(self) -> list[str | Path]:
        return [
            binary("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=10.1.1.1",  # a loopback address is refused here; nobody connects to this one
            f"--secure-port={self.port}",
            f"--cert-dir={self.directory / 'certificates'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.directory / 'sa.key'}",
            f"--service-account-signing-key-file={self.directory / 'sa.key'}",
            f"--token-auth-file={self.directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",  # its controller, which makes the accounts, does not run
        ]
