"""Real checks over real sockets: a runner for one test, servers on loopback, a certificate authority."""

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.runner import LiveChecks
from sitescope_fo.node.ports.clock import SystemClock

LOOPS = ("asyncio", "uvloop")


@pytest.fixture(params=LOOPS)
def anyio_backend(request):
    """Both loops that a daemon may run on."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


class Runner:
    """Runs one check of a type as the engine would, and keeps what was reported as our own defect."""

    def __init__(self, home, **options):
        self.home = home
        self.registry = options.pop("registry", None) or Registry(plugins=())
        self.defects = []
        self.live = LiveChecks(
            self.registry,
            SystemClock(),
            on_internal_error=lambda monitor, error: self.defects.append((monitor.type, error)),
            **options,
        )

    async def __call__(self, type_name, *, timeout_s=10.0, **settings):
        assert self.registry.settings_problems(type_name, settings) == ()
        monitor = Monitor(id="m", name="m", path="g/m", type=type_name, timeout_s=timeout_s, settings=settings)
        return await self.live.run(monitor, home=self.home)


@pytest.fixture
async def check(home, authority):
    (home / "scripts").mkdir(parents=True)
    runner = Runner(home, verified_tls=authority.client_context)
    yield runner
    await runner.live.aclose()


class Authority:
    """A certificate authority and the server certificates it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self.name, self.key, days=100, authority=True)
        self.pem = folder / "authority.pem"
        self.pem.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def client_context(self):
        return ssl.create_default_context(cafile=self.pem)

    def server_context(self, *, days=30.5, host="127.0.0.1"):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        signed = self._sign(name, key, days=days, host=host)
        path = self.folder / f"server{days}.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    def _sign(self, subject, key, *, days, host=None, authority=False):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=400))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host:
            names = [x509.IPAddress(ipaddress.ip_address(host))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
