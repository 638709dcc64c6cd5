"""What MkDocs asks while it builds the site: the navigation, from the tables of docs/README.md; the
anchors, as GitHub makes them; and the files outside docs/ that pages point to, which the site gets
as copies under source/, so that each link leads somewhere."""

import pathlib
import re
import shutil
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(((?:\.\./)+[^)\s#]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^## (.+)$")
PAGE = re.compile(r"\[([^]]+)\]\(([^)\s]+)\)")


def github_anchor(text, separator):
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


def navigation(index, docs):
    """[{section: [{title: page}, …]}, …]; a folder stands for all pages in it."""
    sections = {}
    pages = []
    for line in index.splitlines():
        if heading := HEADING.match(line):
            pages = sections[heading[1]] = []
        if not line.startswith("| ["):
            continue
        for title, target in PAGE.findall(line.split("|")[1]):
            if target.endswith("/"):
                found = sorted((docs / target).glob("*.md"))
                pages.append({title: [str(page.relative_to(docs)) for page in found]})
            elif not target.startswith("../"):
                pages.append({title: target})
    return [{"Documentation": "README.md"}, *({name: sections[name]} for name in sections)]


def on_config(config):
    """MkDocs reads a copy of docs/, in which each link to a file outside leads to its copy."""
    docs = pathlib.Path(config["docs_dir"])
    config["nav"] = navigation((docs / "README.md").read_text(), docs)
    staged = pathlib.Path(tempfile.mkdtemp(prefix="site-"))
    shutil.copytree(docs, staged, dirs_exist_ok=True)
    for page in docs.rglob("*.md"):
        (staged / page.relative_to(docs)).write_text(with_copies(page, staged, docs))
    for folder in {page.parent for page in docs.rglob("*.md")} - {docs}:
        (staged / folder.relative_to(docs) / "README.md").write_text(contents(folder))
    config["docs_dir"] = str(staged)
    return config


def on_post_build(config):
    shutil.rmtree(config["docs_dir"])


def contents(folder):
    """A page for a folder, which a link may name: a list of its pages."""
    rows = "".join(
        f"- [{page.read_text().splitlines()[0].lstrip('# ')}]({page.name})\n"
        for page in sorted(folder.glob("*.md"))
    )
    return f"# {folder.name}\n\n{rows}"


def with_copies(page, staged, docs):
    """The text of `page`; what it points to outside docs/ is copied to source/ below `staged`."""
    up = "../" * (len(page.relative_to(docs).parts) - 1)

    def copied(link):
        target = (page.parent / link[1]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        return f"]({up}source/{copy_of(target.relative_to(ROOT), staged / 'source')})"

    return LINK.sub(copied, page.read_text())


def copy_of(path, copies):
    """Its name below `copies`: a browser shows a .txt, and would offer to save a .hpp."""
    source = ROOT / path
    name = f"{path}/index.txt" if source.is_dir() else f"{path}.txt"
    copy = copies / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        copy.write_text("".join(f"{each.name}\n" for each in sorted(source.iterdir())))
    else:
        shutil.copyfile(source, copy)
    return name
