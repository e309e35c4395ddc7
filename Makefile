# The two commands of a newcomer, and what they are made of.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD := build/$(PRESET)

.PHONY: build run test bench install packages clean

packages:
	@scripts/install-packages

build: packages
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS)

run: build
	@$(BUILD)/bin/dbproxy demo

test: build
	@ctest --preset $(PRESET)

bench: packages
	@cmake --preset $(PRESET) -DDBPROXY_BENCH=ON >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS) --target dbproxy_bench
	@$(BUILD)/bin/dbproxy_bench

install: build
	@cmake --install $(BUILD)

clean:
	@rm -rf build
