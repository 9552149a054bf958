"""How near a picture is to the retoucher's: PSNR and SSIM, and the error on and off the edits."""

from __future__ import annotations

from bpfre.evaluation.gauges import Column, Measured, as_tensor


class FidelityGauge:
    """PSNR of torchmetrics and SSIM of piq, in double precision on RGB in [0, 1].

    SSIM is averaged where its window lies inside the picture, as its authors do; torchmetrics' own mirrors the rim
    and comes out higher.
    """

    columns = (
        Column("psnr", "PSNR dB", "higher", 2, "peak signal-to-noise ratio, RGB in [0, 1]; torchmetrics"),
        Column(
            "ssim",
            "SSIM",
            "higher",
            4,
            "structural similarity, Gaussian window of 11 px with sigma 1.5, mean over RGB in [0, 1]; piq",
        ),
    )

    def __init__(self, device: str) -> None:
        self._device = device

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Measure against the target; the PSNR of equal pictures is infinite."""
        import piq
        from torchmetrics.functional.image import peak_signal_noise_ratio

        result, target = (as_tensor(p, self._device, double=True) for p in (measured.result, measured.target))
        channels = zip(result.split(1, dim=1), target.split(1, dim=1), strict=True)  # one at a time saves memory
        ssim = [float(piq.ssim(a, b, data_range=1.0, downsample=False)) for a, b in channels]
        psnr = float(peak_signal_noise_ratio(result, target, data_range=1.0))
        return {"psnr": psnr, "ssim": sum(ssim) / len(ssim)}


class EditGauge:
    """Errors on and off the retoucher's edits, as training validates (`bpfre.training.validation.edit_errors`)."""

    columns = (
        Column(
            "edited",
            "error on edits",
            "lower",
            2,
            "mean absolute error where the retoucher changed more than 3 grey levels; grey levels of 255",
        ),
        Column("elsewhere", "error elsewhere", "lower", 3, "mean absolute error everywhere else; grey levels of 255"),
        Column(
            "reproduced",
            "share of edit",
            "higher",
            3,
            "1 minus the error on the edits relative to the edits: 1 is the retoucher's result, 0 the unedited photo",
        ),
    )

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Measure against the target; None for both figures of the edits where there are none."""
        from bpfre.training.validation import edit_errors

        pictures = (measured.result, measured.raw, measured.target)
        errors = edit_errors(*(as_tensor(picture, "cpu") for picture in pictures))
        return errors._asdict()
