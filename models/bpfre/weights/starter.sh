#!/bin/sh
# Train the weights `starter` as starter.md says: sh starter.sh FACES OUT [more options of bpfre train]
# OUT gets a run folder for each round; what was cut off goes on where it was.
set -eu
faces=$1 out=$2
shift 2
here=$(dirname "$0")

train() {
    bpfre train --config "$here/starter.yaml" --unpaired "$faces" --hold-out "$here/starter-holdout.txt" \
        --labels "$here/starter-labels.json" "$@"
}

train --out "$out/round1" "$@"
train --out "$out/round2" --init "$out/round1/last.safetensors" --steps 2500 --lr 0.0005 --seed 1 \
    --set contrast=0.55,2.2 --set dense_factor=1 --set kept_late=0 "$@"
# Stages apart: the first finds what stands out, the second gives back what belongs to the person.
apart() {
    train --batch-size 12 --window 160 --lr 0.0006 --set apart=true --set cons_coarse=5 --set blem_refine=1 \
        --set contrast=0.5,1.9 --set density=7 --set keep_density=7 --set edit_centred=0.95 --set labelled_share=0.8 \
        --set dense_factor=1 --set kept_late=0 "$@"
}

apart --out "$out/round3" --init "$out/round2/last.safetensors" --steps 3200 --seed 2 --set stamped=0.6 "$@"
apart --out "$out/round4" --init "$out/round3/last.safetensors" --steps 1600 --seed 3 --set stamped=0.5 \
    --set retoned=0.5 --set labelled_share=0.65 --set contrast=0.4,1.9 "$@"
apart --out "$out/round5" --init "$out/round4/last.safetensors" --steps 1000 --lr 0.0005 --seed 6 --set stamped=0.5 \
    --set retoned=0.5 --set labelled_share=0.6 --set contrast=0.4,1.9 --set density=10 --set keep_density=8 "$@"
if [ -f "$out/round5/last.safetensors" ]; then  # not with --dry-run
    python -m bpfre.weights.mean "$out/round4/last.safetensors" "$out/round5/last.safetensors" \
        --out "$out/starter.safetensors"
fi
