# bash completion for ringpress(1).
#
# Nothing here lists commands or options: they are asked of the program itself (ringpress --help, ringpress COMMAND
# --help), so that they are those of the version that is installed.
# shellcheck shell=bash

# Commands such as `trace` have commands of their own.
_ringpress_subcommands() {
    "$1" "$2" --help 2>/dev/null | awk -v c="$2" '$1 == "ringpress" && $2 == c && $3 ~ /^[a-z]+$/ && $4 ~ /^[[A-Z]/ { print $3 }'
}

# The options of a command, each with the shape of its value behind a tab, or nothing: -serial<tab>stdio|none|file:PATH
_ringpress_options() {
    "$@" --help 2>/dev/null | awk '
        /^  -/ {
            line = substr($0, 3)
            at = match(line, /   *[^ ]/)
            if (at) line = substr(line, 1, at - 1)
            count = split(line, word, / /)
            value = ""
            if (word[count] !~ /^-/) value = word[count--]
            for (i = 1; i <= count; i++) { sub(/,$/, "", word[i]); sub(/^--/, "-", word[i]); print word[i] "\t" value }
        }'
}

_ringpress_commands() {
    "$1" --help 2>/dev/null | awk '/^  ringpress / { print $2 }'
}

# Names of running machines.
_ringpress_machines() {
    "$1" ps --json 2>/dev/null | grep -o '"name": *"[^"]*"' | sed 's/.*: *"//; s/"$//'
}

_ringpress_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Completes a value by its shape: words|to|choose, FILE, file:PATH, or a list of items.
_ringpress_value() {
    local program=$1 shape=$2 current=$3 words=()
    case $shape in
    ITEMS)
        # A list: what comes before the last comma stays.
        local before=
        [[ $current == *,* ]] && before=${current%,*},
        mapfile -t words < <("$program" run -d help 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "${words[*]}" -- "${current##*,}")
        compopt -o nospace 2>/dev/null
        ;;
    *\|*)
        # bash splits words at the colon of file:PATH: then only the path is left to complete.
        if [[ $current == file:* ]]; then
            mapfile -t COMPREPLY < <(compgen -P file: -f -- "${current#file:}")
            return
        fi
        local word
        while IFS= read -r word; do
            word=${word//[\[\]]/}
            case $word in
            file:*) words+=("file:") ;;
            *:*) words+=("${word%%:*}:") ;;
            *) words+=("${word%%,*}") ;;
            esac
        done < <(tr '|' '\n' <<<"$shape")
        mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current")
        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
        ;;
    FILE* | PATH* | *=PATH*) _ringpress_files "$current" ;;
    NAME) mapfile -t COMPREPLY < <(compgen -W "$(_ringpress_machines "$program")" -- "$current") ;;
    *) [[ $shape =~ ^[a-z0-9-]+$ ]] && mapfile -t COMPREPLY < <(compgen -W "$shape" -- "$current") ;;
    esac
}

_ringpress() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_ringpress_commands "$program")" -- "$current")
        return
    fi
    local command=${COMP_WORDS[1]} options subcommands
    subcommands=$(_ringpress_subcommands "$program" "$command")
    if [[ -n $subcommands ]]; then
        if ((COMP_CWORD == 2)); then
            mapfile -t COMPREPLY < <(compgen -W "$subcommands" -- "$current")
            return
        fi
        options=$(_ringpress_options "$program" "$command" "${COMP_WORDS[2]}")
    else
        options=$(_ringpress_options "$program" "$command")
    fi
    # demo takes what run takes.
    [[ -z $options && $("$program" "$command" --help 2>/dev/null) == *"options of ringpress run"* ]] &&
        options=$(_ringpress_options "$program" run)

    # With a colon or an equals sign in it, a value is several words to bash: file : PATH
    if [[ $previous == : && ${COMP_WORDS[COMP_CWORD - 2]} == file ]] || [[ $current == : && $previous == file ]]; then
        _ringpress_files "${current#:}"
        return
    fi
    if [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == = ]]; then
        current=
    fi
    if [[ $previous == -* ]]; then
        local shape
        shape=$(awk -F'\t' -v name="${previous/#--/-}" '$1 == name { print $2; exit }' <<<"$options")
        if [[ -n $shape && $shape != \[* ]]; then
            _ringpress_value "$program" "$shape" "$current"
            return
        fi
    fi
    if [[ $current == -* ]]; then
        local names
        names=$(cut -f1 <<<"$options")
        [[ $current == --* ]] && names=$(sed 's/^-/--/' <<<"$names")
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
        return
    fi
    case $command in
    ctl | top) ((COMP_CWORD == 2)) && _ringpress_value "$program" NAME "$current" ;;
    help) mapfile -t COMPREPLY < <(compgen -W "exit-codes run" -- "$current") ;;
    *) _ringpress_files "$current" ;;
    esac
}

complete -F _ringpress ringpress
