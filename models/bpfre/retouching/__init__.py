"""Retouch many photos: plan where each goes, run them all, report what happened."""

from bpfre.retouching.jobs import Job, LeftOut, left_out, plan_jobs
from bpfre.retouching.journal import Journal
from bpfre.retouching.last_run import LastRun, jobs_of, recall, remember
from bpfre.retouching.pipeline import retouch_photos
from bpfre.retouching.report import report_document, write_report
from bpfre.retouching.results import FaceResult, PhotoResult, Totals, total
from bpfre.retouching.resume import is_done
from bpfre.retouching.settings import RetouchSettings

__all__ = [
    "FaceResult",
    "Job",
    "Journal",
    "LastRun",
    "LeftOut",
    "PhotoResult",
    "RetouchSettings",
    "Totals",
    "is_done",
    "jobs_of",
    "left_out",
    "plan_jobs",
    "recall",
    "remember",
    "report_document",
    "retouch_photos",
    "total",
    "write_report",
]
