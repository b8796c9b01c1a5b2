# The ways to build, try and check upgradescope. `make demo` and `make test` do all the set-up there is.

SWIFT   ?= swift
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?= 60

# What Debian has to bring beside Swift itself.
BUILD_PACKAGES := pkg-config libpcap-dev zlib1g-dev libzstd-dev
TEST_PACKAGES  := zstd python3-jsonschema node-har-schema python3-prometheus-client tmux tcpdump tcpreplay \
                  wireshark-common tshark iproute2 openssl

# The files that hold tests with a tag (Tests/Support/Tags.swift), as a filter. `swift test` cannot choose by tag, but the
# name of a test ends with its file.
tagged = $(shell grep -rlE --include='*.swift' '\.tags\(([^)]*, *)?\.$(1)\b' Tests | sed 's|.*/|/|; s|\.|[.]|g' | paste -sd '|')

BINARY  = .build/release/upgradescope
STATIC  = .build-static

.DEFAULT_GOAL := help
.PHONY: help demo test build install bench fuzz format lint clean swift packages test-packages

help:
	@echo "make demo      analyze samples/, write out/report.html and out/report.json"
	@echo "make test      build and run all tests;  make test-live, test-servers, test-long  those with that tag"
	@echo "make install   install one binary that needs no Swift runtime (PREFIX=$(PREFIX))"
	@echo "make bench     measure against a libpcap loop that does nothing"
	@echo "make fuzz      feed every reader bytes that mean nothing, SECONDS=$(SECONDS) each"
	@echo "make format    format the sources;  make lint  check their format"
	@echo "make clean     remove everything that was built"

demo: build
	@mkdir -p out
	@echo "upgradescope analyze samples --html out/report.html --json out/report.json"
	@$(BINARY) analyze samples --fail-on never --html out/report.html --json out/report.json
	@echo "reports: out/report.html out/report.json"

# What keeps every core busy comes last: what waits for peers and clocks is tested before.
test: packages test-packages
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --skip '$(call tagged,long)'
	$(SWIFT) test --skip-build --filter '$(call tagged,long)'

test-%: packages test-packages
	$(SWIFT) test --filter '$(or $(call tagged,$*),$(error no test has the tag $*))'

build: packages
	$(SWIFT) build -c release --product upgradescope

# The linker flags differ from those of the other builds: a scratch folder of its own keeps both warm.
install: packages
	$(SWIFT) build -c release --product upgradescope --static-swift-stdlib -Xlinker -s --scratch-path $(STATIC)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(STATIC)/release/upgradescope "$(DESTDIR)$(PREFIX)/bin/upgradescope"
	@echo "installed $(DESTDIR)$(PREFIX)/bin/upgradescope"

bench: build
	Benchmarks/run.sh

fuzz: packages
	Fuzz/run.sh all $(SECONDS)

format: swift
	$(SWIFT) format format -i -r -p Sources Tests Package.swift

lint: swift
	$(SWIFT) format lint --strict -r -p Sources Tests Package.swift

clean:
	rm -rf .build .build-* out

swift:
	@command -v $(SWIFT) >/dev/null || { \
	    echo "make: '$(SWIFT)' is not on PATH. Swift 6.3 is needed: https://www.swift.org/install/linux/" >&2; exit 1; }

packages: swift
	@scripts/need $(BUILD_PACKAGES)

test-packages:
	@scripts/need $(TEST_PACKAGES)
