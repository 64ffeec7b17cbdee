# make demo     the whole product on the built-in study: a window, or demo-output/ without a display
# make test     lint, then every test
# make lint     ruff, mypy and the import rules
# make docs     the documentation as a site, in site/; a broken link fails
# make benchmarks  every published figure's command, again (hours; goes on where it was)
# make benchmarks-quick  each of them on few cases, to see that it still runs
# make release-check  wheel and sdist, checked, and tried in a clean environment (REPOSITORY=https://…)
# make screenshots  pictures of the window in docs/images again: the demo, and real hearts (CARDIAC_SSL_DATA)
# make setup    only what the others need: .venv with pinned packages, and system libraries
# make clean    removes what the others made, .venv included
#
# Python 3.11 to 3.13 is looked for; `make setup PYTHON=/path/to/python` names one.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test lint docs benchmarks benchmarks-quick release-check screenshots setup system clean

BIN := .venv/bin
PYTHON :=
NEXT_NAPARI := 0.10.0rc1
export QT_API := pyqt6
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A screen for Qt and OpenGL where there is none (Xvfb and Mesa), Qt's xcb platform, a font.
SYSTEM_PACKAGES := xvfb xauth libgl1 libgl1-mesa-dri libegl1 libopengl0 \
	libdbus-1-3 libfontconfig1 libglib2.0-0 libx11-xcb1 libxkbcommon0 libxkbcommon-x11-0 \
	libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 \
	libxcb-render-util0 libxcb-shape0 libxcb-sync1 libxcb-xfixes0 libxcb-xinerama0 libxcb-xkb1 \
	fonts-dejavu-core

help:
	sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: setup
	$(choose_screen)
	if [ "$$screen" = real ]; then
		$(BIN)/cardiac-ssl demo
	else
		"$${on_screen[@]}" $(BIN)/cardiac-ssl demo --headless --out demo-output
	fi

test: lint system .venv-next
	$(choose_screen)
	# Two rows of tests go on side by side, each of them on one core.
	export OMP_NUM_THREADS=1
	window=(pytest tests/gui -k "not rehearsal and not kill and not hypothesis")
	engine_and_pyside() {
		local rc=0
		"$${on_screen[@]}" $(BIN)/python -m pytest --ignore=tests/gui || rc=1
		echo "The window once more, under the other Qt binding"
		QT_API=pyside6 PYTEST_QT_API=pyside6 "$${on_screen[@]}" \
			$(BIN)/python -m "$${window[@]}" || rc=1
		return $$rc
	}
	failed=()
	mkdir -p build
	engine_and_pyside > build/beside.log 2>&1 &
	beside=$$!
	trap 'kill "$$beside" 2>/dev/null || true' EXIT
	echo "The window (what is below it is tested meanwhile, and shown at the end)"
	"$${on_screen[@]}" $(BIN)/python -m pytest tests/gui || failed+=("the window")
	if [ -e .venv-next/bin ]; then
		echo "And once more, with napari $(NEXT_NAPARI)"
		"$${on_screen[@]}" .venv-next/bin/python -m "$${window[@]}" ||
			failed+=("the window with napari $(NEXT_NAPARI)")
	fi
	wait "$$beside" || failed+=("what is below the window, or the window with PySide6")
	trap - EXIT
	cat build/beside.log
	if [ $${#failed[@]} -gt 0 ]; then
		echo "Failed: $$(printf '%s; ' "$${failed[@]}" | sed 's/; $$//')" >&2
		exit 1
	fi

screenshots: setup
	$(BIN)/cardiac-ssl demo --headless --out demo-output
	for step in 2-labelled 4-refreshed 7-suggested 9-points 11-bullseye; do
		cp "demo-output/screenshots/$$step.png" docs/images/
	done
	$(BIN)/python benchmarks/pictures.py

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --site-dir site
	echo "Open site/index.html"

benchmarks: setup
	$(BIN)/python benchmarks/all.py

benchmarks-quick: setup
	$(BIN)/python benchmarks/all.py --quick

# The wheel is tried where nothing else of this folder is: its demo, a cohort of five, a report.
release-check: setup
	$(choose_screen)
	[ -n "$${REPOSITORY:-}" ] ||
		echo "No REPOSITORY=https://… named: the package gets no URLs, and its page no pictures."
	$(BIN)/python -m pip install -q -c constraints.txt build twine
	rm -rf dist build/release
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	RELEASE_DIST=$$PWD/dist $(BIN)/python -m pytest -q tests/release
	$(BIN)/python -m venv build/release
	build/release/bin/python -m pip install -q -c constraints.txt "$$(ls dist/*.whl)[all]"
	build/release/bin/python -m pip check
	cd build/release
	"$${on_screen[@]}" bin/cardiac-ssl demo --headless --out demo
	bin/cardiac-ssl synth hearts --subjects 5
	bin/cardiac-ssl cohort hearts -o results
	[ "$$(grep -c ',done,' results/cohort.csv)" = 5 ]
	study=synthetic-0001/synthetic-0001
	bin/cardiac-ssl report hearts/synthetic-0001 --mask "hearts/$${study}_sax_gt.nii.gz" -o report.html
	echo "Checked: $$(cd ../../dist && ls | tr '\n' ' ')"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: system .venv/installed

# dpkg lists what is there, under its own name and those it provides (libglib2.0-0 is provided by
# libglib2.0-0t64 since Debian 13). That takes a few hundredths of a second when nothing is missing.
system:
	command -v dpkg-query >/dev/null || exit 0
	present=$$(dpkg-query -W -f='$${db:Status-Status} $${Package} $${Provides}\n' |
		sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr ',\n' '  ')
	missing=()
	for package in $(SYSTEM_PACKAGES); do
		[[ " $$present " == *" $$package "* ]] || missing+=("$$package")
	done
	[ $${#missing[@]} -gt 0 ] || exit 0
	$(apt_install)
	apt_install "$${missing[@]}"

.venv/installed: pyproject.toml constraints.txt
	if ! $(BIN)/python -c '' 2>/dev/null; then
		$(find_python)
		python=$$(find_python)
		if [ -z "$$python" ]; then
			$(apt_install)
			apt_install python3 python3-venv
			python=$$(find_python)
		fi
		if [ -z "$$python" ]; then
			echo "No Python 3.11, 3.12 or 3.13 with its venv module found. Install one (python3" \
				"and python3-venv on Debian 12 and later), or name one:" \
				"make setup PYTHON=/path/to/python" >&2
			exit 1
		fi
		echo "Making .venv with $$("$$python" -V)"
		"$$python" -m venv --clear .venv
	fi
	echo "Installing pinned packages into .venv (some minutes the first time)"
	# The build backend and pip itself first, so that they are pinned as well.
	$(BIN)/python -m pip install -q -c constraints.txt pip hatchling editables
	$(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation -e ".[dev]"
	touch $@

# The same environment with the napari that is to come. Not every index has it: then it is not tried.
.venv-next: .venv/installed Makefile
	rm -rf $@
	cp -al .venv $@ 2>/dev/null || { rm -rf $@; cp -a .venv $@; }
	$@/bin/python -m pip install -q --no-deps napari==$(NEXT_NAPARI) || {
		echo "napari $(NEXT_NAPARI) cannot be had here: the tests go without it"
		rm -rf $@/*
	}
	touch $@

clean:
	rm -rf .venv .venv-next demo-output benchmarks-output build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache

# The real screen where there is one, else Xvfb, else Qt's offscreen platform.
define choose_screen
	screen=real
	on_screen=()
	if [ "$$(uname)" = Linux ] && [ -z "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then
		if command -v xvfb-run >/dev/null && command -v Xvfb >/dev/null; then
			screen=virtual
			on_screen=(xvfb-run -a -s "-screen 0 1920x1080x24")
			export LIBGL_ALWAYS_SOFTWARE=1 QT_QPA_PLATFORM=xcb
		else
			screen=none
			export QT_QPA_PLATFORM=offscreen
			echo "No display and no Xvfb: Qt draws offscreen, and what needs OpenGL may fail."
		fi
	fi
endef

# The newest Python that the pins are made for and that can make a virtual environment.
define find_python
	find_python() {
		local candidate supported
		supported='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
		for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do
			if "$$candidate" -c "$$supported" 2>/dev/null; then
				echo "$$candidate"
				return
			fi
		done
	}
endef

# Installs the packages that it is given, or says which to ask for and goes on.
define apt_install
	apt_install() {
		local as_root=()
		[ "$$(id -u)" -eq 0 ] || as_root=(sudo -n)
		if ! command -v apt-get >/dev/null || ! "$${as_root[@]}" true 2>/dev/null; then
			echo "No right to install system packages here. Ask for: $$*"
			return
		fi
		echo "Installing system packages: $$*"
		"$${as_root[@]}" apt-get -qq update </dev/null || echo "Trying with the old package lists."
		"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
			--no-install-recommends "$$@" </dev/null >/dev/null ||
			echo "apt-get failed; going on without them. Ask for: $$*"
	}
endef
