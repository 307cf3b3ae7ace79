"""`acs completion`: the script that makes a shell complete commands, options and devices."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": "acs completion bash > ~/.local/share/bash-completion/completions/acs",
    "zsh": "acs completion zsh > ~/.zfunc/_acs        with fpath+=~/.zfunc before compinit",
    "fish": "acs completion fish > ~/.config/fish/completions/acs.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """Print the completion script for SHELL. DEVICE is completed by key and serial number.

    \b
    Install it:
      bash  acs completion bash > ~/.local/share/bash-completion/completions/acs
      zsh   acs completion zsh > ~/.zfunc/_acs, and fpath+=~/.zfunc before compinit
      fish  acs completion fish > ~/.config/fish/completions/acs.fish

    \b
    Try it in this shell:
      source <(acs completion bash)
    """
    from click.shell_completion import get_completion_class

    from acs.cli.main import acs

    made = get_completion_class(shell)
    assert made is not None
    # The one of click also starts the shell to learn its version; only the text is wanted.
    script = made(acs, {}, "acs", "_ACS_COMPLETE")
    first = "" if shell == "zsh" else f"# Install: {_INSTALL[shell]}\n"
    click.echo(first + (script.source_template % script.source_vars()))
