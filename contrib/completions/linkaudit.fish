# Completion of linkaudit(8) for fish. The candidates come from linkaudit
# itself; where it has none, file names are completed.
function __linkaudit_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($before "$current" --generate-bash-completion 2>/dev/null)
    if test -n "$candidates"
        printf '%s\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete -c linkaudit -f -a '(__linkaudit_complete)'
