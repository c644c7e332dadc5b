#!/bin/sh
# The adapter's tests with alibi-detect 0.11.4, the last version under the Apache licence, in an environment of its own.
#
# That version asks for pydantic below 2 and numba below 0.58, and needs scipy below 1.12, which took away `binom_test`.
# Nilometer asks for pydantic 2.9, numba 0.59 and scipy 1.13. Here it is what works for both: our pydantic and numba,
# scipy 1.11, which does for the adapter though not for all of our own detectors' guarantees. In the installed
# alibi-detect one thing is changed: the two modules that check artefacts, which we never load, take pydantic's version 1
# from where version 2 keeps it (`pydantic.v1`).
set -eu
cd "$(dirname "$0")/.."
uv=$PWD/.venv/bin/uv
environment=$PWD/.venv/alibi-0.11.4
if [ ! -e "$environment/installed" ]; then
    echo "installing alibi-detect 0.11.4 in $environment"
    rm -rf "$environment"
    "$uv" venv --quiet --python .venv/bin/python "$environment"
    printf 'numba==0.59.1\npydantic>=2.9\nscipy==1.11.4\n' >"$environment/overrides.txt"
    # What was tested with everything else, but for what the two do not share.
    sed -n 's/ *\\$//; /^[a-z]/p' requirements.lock |
        grep -vE '^(alibi-detect|llvmlite|numba|pillow|scikit-image|scipy)==' >"$environment/constraints.txt"
    VIRTUAL_ENV=$environment "$uv" pip install --quiet --override "$environment/overrides.txt" \
        --constraint "$environment/constraints.txt" --editable '.[worker,fit]' alibi-detect==0.11.4 pytest pytest-timeout hypothesis
    sed -i 's/^from pydantic/from pydantic.v1/' \
        "$environment"/lib/python*/site-packages/alibi_detect/saving/schemas.py \
        "$environment"/lib/python*/site-packages/alibi_detect/saving/validators.py
    touch "$environment/installed"
fi
"$environment/bin/python" -c 'from importlib.metadata import version; print("alibi-detect", version("alibi-detect"))'
# Its Mahalanobis detector calls scipy in a way that scipy 1.11 says will go.
exec "$environment/bin/python" -m pytest --quiet -W "ignore:Keyword argument 'eigvals':DeprecationWarning" \
    -k alibi tests/unit/alibi tests/contract/test_detectors.py tests/contract/test_drift_detectors.py \
    tests/contract/test_outlier_detectors.py "$@"
