module plumbline.local/programs/pause

go 1.24
