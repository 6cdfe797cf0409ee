// The benchmark runner. Placeholder: it only echoes its arguments until the first suite exists.
process.stdout.write(`bench ${process.argv.slice(2).join(' ')}\n`)
