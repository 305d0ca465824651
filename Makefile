PYTHON ?= python3
BIN := .venv/bin
# Our tools come first; what they start (buf its plugin, tests a server) finds them by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup generate check-generated lint types test simulate demo bench chaos chaos-smoke
setup: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Our own wires: upb messages. protoc writes imports from the proto root; ours live in the package perdure_protos.
WIRES := perdure/protocol/v1/journal.proto perdure/protocol/v1/session.proto \
         perdure/ingress/v1/ingress.proto \
         $(patsubst protos/%,%,$(wildcard protos/perdure/admin/v1/*.proto)) \
         perdure/peer/v1/message.proto perdure/peer/v1/peer.proto
# What buf generates: the contracts of examples, benchmarks and tests.
CONTRACTS := accounts conformance kinds load mail ordeal orders parcels payments quotes signup simulated transfers trial trips

generate: setup
	rm -rf generated/perdure_protos/perdure $(addprefix generated/,$(CONTRACTS))
	python -m grpc_tools.protoc -Iprotos \
	  --python_out=generated/perdure_protos --mypy_out=quiet:generated/perdure_protos $(WIRES)
	grep -rlE '^(from|import) perdure\.' generated/perdure_protos | \
	  xargs sed -i -E 's/^(from|import) perdure\./\1 perdure_protos.perdure./; s/\bperdure\.(protocol|ingress|admin|peer)\.v1\.([a-z]+_pb2)/perdure_protos.perdure.\1.v1.\2/g; s/perdure_protos\.perdure_protos/perdure_protos/g'
	find generated/perdure_protos/perdure -type d -exec touch {}/__init__.py \;
	buf generate

# What is committed under generated/ is what the protos give.
check-generated: generate
	@git diff --exit-code --stat -- generated || { echo "generated/ is stale: run make generate and commit it"; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard generated)" || { echo "generated/ has files that are not committed"; exit 1; }

lint: setup
	ruff check .
	ruff format --check .
	lint-imports
	buf lint
	buf format --diff --exit-code

types: setup
	mypy

# The pure packages are held to every branch by their own tests; all that has a shell runs after them.
test: lint check-generated types curl postgresql pgbouncer chromium nats-server
	coverage run -m pytest tests/partition tests/vm
	coverage report
	pytest --ignore tests/partition --ignore tests/vm
	pytest tests/conformance --shape dev
	pytest tests/conformance --shape workers
	pytest tests/conformance --shape postgres
	pytest tests/conformance --shape nodes

# Worlds full of faults on virtual time: make simulate SEEDS=100000
SEEDS ?= 2000
simulate: setup
	python -m tests.simulation --seeds $(SEEDS)

# An order survives kill -9 of the process that runs it, and of the runtime.
demo: setup curl
	python -m examples.demo

# A million hostile inputs at every door: nothing may crash, hang, or leave memory behind. docs/fuzzing.md has a run.
.PHONY: fuzz
INPUTS ?= 1000000
fuzz: setup
	pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	python -m fuzz --inputs $(INPUTS)

# W1, W2 and W3, and where the time goes.
bench: setup wrk
	python -m bench

# Three nodes, PostgreSQL and endpoints are killed, paused and cut off for ten minutes, and nothing may be lost.
chaos: setup postgresql
	python -m chaos

# The same in a minute: whether the run itself works.
chaos-smoke: setup postgresql
	python -m chaos --seconds 60

# W1 to W5 on one node and on several, and what one PostgreSQL carries. docs/scale.md has the results.
.PHONY: bench-scale
bench-scale: setup wrk postgresql
	python -m bench.scale --write docs/scale.md
	python -m bench.scale --write docs/scale.md --section each --each --work W1 --work W2 --work W3 \
	  --shape pg1 --shape pg2 --shape pg3
	python -m bench.primary --write docs/scale.md
	python -m bench.leases --write docs/scale.md
	python -m bench.spread --write docs/scale.md

# Programs that a fresh machine may lack.
.PHONY: curl wrk postgresql pgbouncer chromium nats-server
curl wrk chromium nats-server:
	@command -v $@ >/dev/null || { apt-get update -qq && apt-get install -y -qq $@ >/dev/null; } || \
	  { echo "this needs $@: install it with the package manager of this machine"; exit 1; }
# Tests and an example start a PostgreSQL of their own. Debian keeps the programs of a server off the PATH.
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { apt-get update -qq && apt-get install -y -qq $@ >/dev/null; } || \
	  { echo "this needs initdb and pg_ctl of PostgreSQL: install them with the package manager of this machine"; exit 1; }
pgbouncer:
	@command -v $@ >/dev/null || test -x /usr/sbin/$@ || \
	  { apt-get update -qq && apt-get install -y -qq $@ >/dev/null; } || \
	  { echo "this needs $@: install it with the package manager of this machine"; exit 1; }
