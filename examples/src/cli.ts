// The hf command-line tool. Placeholder: it only echoes its arguments until the trainers exist.
process.stdout.write(`hf ${process.argv.slice(2).join(' ')}\n`)
