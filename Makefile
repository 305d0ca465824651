PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup generate check-generated lint types test
setup: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Our own wires: upb messages. protoc writes imports from the proto root; ours live in the package perdure_protos.
WIRES := perdure/protocol/v1/journal.proto perdure/protocol/v1/session.proto \
         perdure/ingress/v1/ingress.proto perdure/admin/v1/admin.proto

generate: setup
	rm -rf generated/perdure_protos/perdure
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m grpc_tools.protoc -Iprotos \
	  --python_out=generated/perdure_protos --mypy_out=quiet:generated/perdure_protos $(WIRES)
	grep -rlE '^(from|import) perdure\.' generated/perdure_protos | \
	  xargs sed -i -E 's/^(from|import) perdure\./\1 perdure_protos.perdure./; s/\bperdure\.(protocol|ingress|admin)\.v1\.([a-z]+_pb2)/perdure_protos.perdure.\1.v1.\2/g; s/perdure_protos\.perdure_protos/perdure_protos/g'
	find generated/perdure_protos/perdure -type d -exec touch {}/__init__.py \;

# What is committed under generated/ is what the protos give.
check-generated: generate
	@git diff --exit-code --stat -- generated || { echo "generated/ is stale: run make generate and commit it"; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard generated)" || { echo "generated/ has files that are not committed"; exit 1; }

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" buf lint

types: setup
	$(BIN)/mypy

test: lint check-generated types
	$(BIN)/pytest
